// Pause holds a pod's network namespace open and does nothing else.
//
// The lab cannot pull a public sandbox image, so it builds this one and pushes it to its own registry.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}
