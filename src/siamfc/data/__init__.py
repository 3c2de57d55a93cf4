"""Data: sequences, their readers, curation, pairs, procedural and synthetic images."""
