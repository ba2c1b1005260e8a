"""The demo: one page that publishes, and listens to what is published."""
