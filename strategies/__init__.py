"""Ways of asking: one file per paper; `ls` reads like a bibliography."""
