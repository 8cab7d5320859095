// Gitserver serves the lab's bare repositories over http, for reading and for pushing, by git's own http-backend.
//
//	gitserver ADDRESS ROOT             serve the repositories in the folder ROOT
//	gitserver pushed URL REPOSITORY    as a post-receive hook: tell URL which refs were pushed
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	switch {
	case len(os.Args) == 4 && os.Args[1] == "pushed":
		pushed(os.Args[2], os.Args[3])
	case len(os.Args) == 3:
		log.Fatal(serve(os.Args[1], os.Args[2]))
	default:
		log.Fatal("usage: gitserver ADDRESS ROOT | gitserver pushed URL REPOSITORY")
	}
}

func serve(address, root string) error {
	folder, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return fmt.Errorf("git --exec-path: %w", err)
	}
	backend := &cgi.Handler{
		Path:       filepath.Join(strings.TrimSpace(string(folder)), "git-http-backend"),
		Env:        []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
		InheritEnv: []string{"PATH", "HOME", "SLUICE_LAB_OWNER"},
	}
	server := &http.Server{Addr: address, Handler: backend, ReadHeaderTimeout: 10 * time.Second}
	return server.ListenAndServe()
}

// pushed never fails a push: the listener may well be down, and git has the commits already.
func pushed(url, repository string) {
	client := &http.Client{Timeout: 2 * time.Second}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			continue
		}
		said, err := json.Marshal(map[string]string{
			"repository": repository, "before": fields[0], "after": fields[1], "ref": fields[2],
		})
		if err != nil {
			log.Fatal(err)
		}
		answer, err := client.Post(url, "application/json", bytes.NewReader(said))
		if err != nil {
			log.Printf("the push was not reported: %v", err)
			continue
		}
		answer.Body.Close()
	}
}
