"""Look-alikes: who resembles an audience, once how much they shop is set aside."""
