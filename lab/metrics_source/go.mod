module sluice.dev/lab/metrics_source

go 1.26.0
