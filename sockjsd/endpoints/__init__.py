"""Ring 2: the daemon's own URLs beside SockJS."""
