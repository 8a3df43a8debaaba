"""The types of resources that a template may declare here; every other type is refused."""
