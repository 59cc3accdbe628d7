"""Plug-ins for other tools; the core never imports them."""
