"""What an imputer fills in, as the user wishes it, and how sure it is."""
