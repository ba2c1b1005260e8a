"""The demo: publish, echo, chat, and what goes on inside the daemon; a page each."""
