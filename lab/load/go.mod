module sluice.dev/lab/load

go 1.24
