"""What a row's score is made of, and how verdicts and reasons come from it."""
