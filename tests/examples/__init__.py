"""Every example as its user runs it: in the app that it is for, played here on real sockets, against a real service."""
