"""What was fitted offline for the strategies: JSON files, and the code that fits them."""
