"""One file per way of choosing; a file's name is the policy's name in the settings."""
