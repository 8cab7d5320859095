module sluice.dev/lab/gitserver

go 1.24
