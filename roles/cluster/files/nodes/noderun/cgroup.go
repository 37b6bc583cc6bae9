package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const cgroupRoot = "/sys/fs/cgroup"

// hierarchy is a mounted cgroup hierarchy of version 1.
type hierarchy struct {
	mountpoint string
	// options are its controllers, or name=..., as mount takes them.
	options string
}

// tree is what the machine has: one unified hierarchy, or several of version 1.
type tree struct {
	unified     bool
	hierarchies []hierarchy
}

// cgroupTree finds out which version of cgroups the machine uses.
func cgroupTree() (*tree, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(cgroupRoot, &stat); err != nil {
		return nil, fmt.Errorf("%s: %w", cgroupRoot, err)
	}
	if stat.Type == unix.CGROUP2_SUPER_MAGIC {
		return &tree{unified: true}, nil
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	found := hierarchies(string(mounts))
	if len(found) == 0 {
		return nil, fmt.Errorf("no cgroup hierarchy is mounted below %s", cgroupRoot)
	}
	return &tree{hierarchies: found}, nil
}

// hierarchies reads those of version 1 from the text of /proc/self/mountinfo
// (proc_pid_mountinfo(5)): the mount point is the fifth field; after " - "
// come the type, the source and the options of the file system.
func hierarchies(mountinfo string) []hierarchy {
	found := []hierarchy{}
	for _, line := range strings.Split(mountinfo, "\n") {
		place, system, _ := strings.Cut(line, " - ")
		places, systems := strings.Fields(place), strings.Fields(system)
		if len(places) < 5 || len(systems) < 3 || systems[0] != "cgroup" {
			continue
		}
		options := []string{}
		for _, option := range strings.Split(systems[2], ",") {
			if option != "rw" && option != "ro" && !strings.HasPrefix(option, "release_agent=") {
				options = append(options, option)
			}
		}
		if strings.HasPrefix(options[0], "name=") {
			options = append([]string{"none"}, options...)
		}
		found = append(found, hierarchy{places[4], strings.Join(options, ",")})
	}
	return found
}

// enter makes the cgroup and goes there. In the unified hierarchy a cgroup with
// processes cannot give controllers to its children, so there the process stays
// where it is, and the folder is returned for PID 1 to be born in.
func (t *tree) enter(name string) (*os.File, error) {
	if t.unified {
		folder := filepath.Join(cgroupRoot, name)
		if err := makeUnified(name); err != nil {
			return nil, err
		}
		return os.Open(folder)
	}
	for _, one := range t.hierarchies {
		folder := filepath.Join(one.mountpoint, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return nil, err
		}
		if err := inheritCpuset(one.mountpoint, name); err != nil {
			return nil, err
		}
		if err := write(filepath.Join(folder, "cgroup.procs"), strconv.Itoa(os.Getpid())); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// makeUnified makes the cgroup and hands all controllers down to it.
func makeUnified(name string) error {
	folder := cgroupRoot
	for _, part := range strings.Split(name, "/") {
		if err := enableControllers(folder); err != nil {
			return err
		}
		folder = filepath.Join(folder, part)
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

func enableControllers(folder string) error {
	controllers, err := os.ReadFile(filepath.Join(folder, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, controller := range strings.Fields(string(controllers)) {
		if err := write(filepath.Join(folder, "cgroup.subtree_control"), "+"+controller); err != nil {
			return err
		}
	}
	return nil
}

// inheritCpuset fills the two files without which nothing can enter a cpuset.
func inheritCpuset(mountpoint, name string) error {
	folder := mountpoint
	for _, part := range strings.Split(name, "/") {
		parent := folder
		folder = filepath.Join(folder, part)
		for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
			value, err := os.ReadFile(filepath.Join(parent, file))
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := write(filepath.Join(folder, file), strings.TrimSpace(string(value))); err != nil {
				return err
			}
		}
	}
	return nil
}

// mount shows the hierarchies in a new mount of /sys, as the node sees them: its
// own cgroup is their root. Called by PID 1.
func (t *tree) mount() error {
	if err := mount("sysfs", "/sys", "sysfs", 0, ""); err != nil {
		return err
	}
	if t.unified {
		return t.mountUnified()
	}
	if err := mount("cgroup", cgroupRoot, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, one := range t.hierarchies {
		if err := os.MkdirAll(one.mountpoint, 0o755); err != nil {
			return err
		}
		if err := mount("cgroup", one.mountpoint, "cgroup", 0, one.options); err != nil {
			return err
		}
		// Controllers that are mounted together are found under each name.
		for _, controller := range strings.Split(one.options, ",") {
			name := filepath.Join(cgroupRoot, controller)
			if name != one.mountpoint && strings.Contains(filepath.Base(one.mountpoint), ",") {
				_ = os.Symlink(filepath.Base(one.mountpoint), name)
			}
		}
	}
	return nil
}

// mountUnified moves PID 1, and with it all services, into a child of the
// node's cgroup, so that the kubelet can hand controllers to its pods.
func (t *tree) mountUnified() error {
	if err := mount("cgroup2", cgroupRoot, "cgroup2", 0, ""); err != nil {
		return err
	}
	folder := filepath.Join(cgroupRoot, "services")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	if err := write(filepath.Join(folder, "cgroup.procs"), "0"); err != nil {
		return err
	}
	return enableControllers(cgroupRoot)
}

func write(path, value string) error {
	return os.WriteFile(path, []byte(value), 0o644)
}
