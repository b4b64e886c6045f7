"""What is asked of names, against plain string handling."""
