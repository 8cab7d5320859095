module sluice.dev/lab/pause

go 1.24
