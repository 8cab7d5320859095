"""Alerts: what sluice reports of Flux's objects goes to those that Flux's Alert and Provider objects name."""
