"""What calls cost, pure: periods, reports, charts, budgets."""
