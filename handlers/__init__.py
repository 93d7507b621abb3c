"""What a person can do and what is said back."""
