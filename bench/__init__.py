"""Every figure that the product promises, measured on this machine: ``make bench``."""
