"""Pure: values -> Dash components."""
