// Doors forwards TCP connections: each argument is LISTEN=TARGET.
//
// The lab's services listen on the machine's loopback address, which a pod does not reach. A door on the lab's bridge leads to
// them, and one in the pod leads to that, so that an address in a manifest is right on the machine and in a pod.
package main

import (
	"io"
	"log"
	"net"
	"os"
	"strings"
	"sync"
	"time"
)

func main() {
	for _, door := range os.Args[1:] {
		listen, target, found := strings.Cut(door, "=")
		if !found {
			log.Fatalf("%s is not LISTEN=TARGET", door)
		}
		listener, err := net.Listen("tcp", listen)
		if err != nil {
			log.Fatal(err)
		}
		go open(listener, target)
	}
	select {}
}

func open(listener net.Listener, target string) {
	for {
		from, err := listener.Accept()
		if err != nil {
			log.Print(err)
			time.Sleep(100 * time.Millisecond)
			continue
		}
		go forward(from, target)
	}
}

func forward(from net.Conn, target string) {
	defer from.Close()
	to, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil {
		return
	}
	defer to.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		both.Add(1)
		go func() {
			defer both.Done()
			io.Copy(way[1], way[0])
			way[1].(*net.TCPConn).CloseWrite()
		}()
	}
	both.Wait()
}
