"""Leadership: which region's database leads, and which operations on databases exclude one another."""
