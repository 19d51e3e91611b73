"""What becomes of the hits of a search: exact scores, order, groups, rank functions."""
