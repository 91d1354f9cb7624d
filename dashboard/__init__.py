"""What people and portals see; imports data, is imported by app.py only."""
