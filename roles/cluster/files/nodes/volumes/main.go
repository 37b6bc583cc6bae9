// Command volumes makes and removes the folders of local volumes.
//
// local-path-provisioner starts a pod on the node of a volume and runs there
// what its configuration names as setupCommand and teardownCommand. This program
// is both: called setup or teardown, it does that with the folder in VOL_DIR.
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run(filepath.Base(os.Args[0]), os.Getenv("VOL_DIR")); err != nil {
		fmt.Fprintln(os.Stderr, "volumes:", err)
		os.Exit(1)
	}
}

func run(action, folder string) error {
	if !filepath.IsAbs(folder) {
		return fmt.Errorf("VOL_DIR: %q is not an absolute path", folder)
	}
	switch action {
	case "setup":
		return setUp(folder)
	case "teardown":
		return os.RemoveAll(folder)
	default:
		return fmt.Errorf("called %s, not setup or teardown", action)
	}
}

// setUp makes the folder for any user of the pod: a volume belongs to its claim.
func setUp(folder string) error {
	if err := os.MkdirAll(folder, 0o777); err != nil {
		return err
	}
	return os.Chmod(folder, 0o777)
}
