"""Flights from New York in 2013: will a flight land more than 15 minutes late?"""
