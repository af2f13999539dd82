package main

import "runtime/debug"

// revision is what make build was run on.
var revision string //nolint:gochecknoglobals // the linker sets it

// version is the revision that the program was built from, else the module's
// version.
func version() string {
	if revision != "" {
		return revision
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "development"
	}
	return info.Main.Version
}
