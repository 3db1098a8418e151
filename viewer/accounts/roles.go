package accounts

import (
	"fmt"
	"slices"
)

// RoleMap says which role the values give that a provider names, such as groups.
type RoleMap struct {
	// Values gives the role of each value that counts.
	Values map[string]Role
	// Default is the role where none counts; empty refuses.
	Default Role
}

// Validate says what is wrong with the map, in half a sentence.
func (m RoleMap) Validate() error {
	for value, role := range m.Values {
		if err := checkRole(role); err != nil {
			return fmt.Errorf("gives %.40q the role %.40q, which is none of admin, developer and viewer", value, string(role))
		}
	}
	if m.Default != "" && checkRole(m.Default) != nil {
		return fmt.Errorf("has the default_role %.40q, which is none of admin, developer and viewer", string(m.Default))
	}
	return nil
}

// Role is the strongest that a value gives, "" if none does and there is no
// default.
func (m RoleMap) Role(values []string) Role {
	for _, role := range Roles() { // the strongest first
		if slices.ContainsFunc(values, func(v string) bool { return m.Values[v] == role }) {
			return role
		}
	}
	return m.Default
}
