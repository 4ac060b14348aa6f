"""Media: uploads straight to storage, and the work that turns an original into something that plays."""
