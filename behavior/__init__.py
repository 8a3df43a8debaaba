"""The ground floor: what is true of mice, recordings, tables and scores. Arrays and tables in, arrays and tables out."""
