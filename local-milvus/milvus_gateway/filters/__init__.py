"""The filter language: text, tree, plan, predicate over rows."""
