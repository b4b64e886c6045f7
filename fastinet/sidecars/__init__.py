"""What is kept beside archives, and who of many processes makes it."""
