"""Model files forged by the thousand, and what loading and scoring makes of them."""
