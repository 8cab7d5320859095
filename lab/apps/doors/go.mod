module sluice.dev/lab/doors

go 1.24
