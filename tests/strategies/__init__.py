"""Ways of asking, each tested against its paper."""
