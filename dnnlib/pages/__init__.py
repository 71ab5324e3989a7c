"""What a person looks at: HTML pages, charts, galleries and small pictures."""
