package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// Spec says what a node is made of. All paths are absolute.
type Spec struct {
	Hostname string `json:"hostname"`
	// NetworkNamespace is the file of an existing network namespace.
	NetworkNamespace string `json:"network_namespace"`
	// Cgroup is the node's cgroup, a path below the root of every hierarchy.
	Cgroup string `json:"cgroup"`
	// Binds are files and folders that stand at other places in the node.
	Binds []Bind `json:"binds"`
	// Tmpfs are folders that are empty when the node starts.
	Tmpfs []string `json:"tmpfs"`
	// Keep are folders that stay reachable even when a mount would hide them.
	Keep []string `json:"keep"`
	// Kernel are the values that the node's processes read, and may write, of
	// settings below /proc/sys that belong to the whole machine: files are
	// mounted over them, the machine keeps its own.
	Kernel map[string]string `json:"kernel"`
	// Sysctls are settings of the node's own namespaces, below /proc/sys.
	Sysctls map[string]string `json:"sysctls"`
	// Services are started in this order.
	Services []Service `json:"services"`
}

// Bind is a mount of Source at Target.
type Bind struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// Service is a program that is kept running.
type Service struct {
	Name        string   `json:"name"`
	Command     []string `json:"command"`
	Environment []string `json:"environment"`
	// Log is the file for its output.
	Log string `json:"log"`
	// After is a file, such as a socket, that is waited for before the start.
	After string `json:"after"`
	// Once says that it is a task: it is waited for before the next service
	// starts, and not started again.
	Once bool `json:"once"`
}

func readSpec(path string) (*Spec, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	spec := &Spec{}
	if err := json.Unmarshal(content, spec); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return spec, nil
}
