"""What a training run is: networks' and trees' whole configurations, by name."""
