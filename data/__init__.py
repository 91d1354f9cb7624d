"""What jobs are, where they come from, what is judged about them, what is done to them."""
