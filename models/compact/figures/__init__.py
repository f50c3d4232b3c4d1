"""What the encoder can do, in figures: each file measures one thing and answers with rows of one table."""
