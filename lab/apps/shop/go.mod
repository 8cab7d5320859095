module sluice.dev/lab/shop

go 1.24
