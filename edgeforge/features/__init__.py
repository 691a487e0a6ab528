"""Features of sound: one C implementation, firmware/features, compiled here with the tables that a recipe asks for."""
