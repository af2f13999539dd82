package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/web/api"
)

func accountKeysCommand() *cobra.Command {
	var at operator
	c := &cobra.Command{
		Use:   "keys",
		Short: "List the keys of programs, with their ends",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := at.dial()
			if err != nil {
				return err
			}
			var all api.Keys
			if err := d.get(c.Context(), "/api/v1/account/keys", &all); err != nil {
				return err
			}
			return printKeys(c.OutOrStdout(), all.Keys)
		},
	}
	at.flags(c)
	return c
}

// printKeys prints a line a key. What has ended, and what ends soon, is said in words.
func printKeys(w io.Writer, all []api.Key) error {
	for _, k := range all {
		scopes := make([]string, len(k.Scopes))
		for i, s := range k.Scopes {
			scopes[i] = string(s)
		}
		state := map[api.KeyState]string{api.KeySoon: ", ends soon", api.KeyEnded: ", has ended"}[k.State]
		if _, err := fmt.Fprintf(w, "%-16s %-18s %s until %s%s\n", k.Member, strings.Join(scopes, ","), k.Name, k.Ends.Format(time.DateOnly), state); err != nil {
			return err
		}
	}
	return nil
}

func accountKeyCommand() *cobra.Command {
	var at operator
	var r api.KeyRequest
	var member string
	var scopes []string
	var days int
	c := &cobra.Command{
		Use:   "key",
		Short: "Print a key for a program that acts for a member",
		Long: `Print a key for a program that acts for a member. It is shown once, and good for nothing when
its days are over. Of its scopes read looks, trade trades and looks, and limits sets the limits of
the home.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := at.dial()
			if err != nil {
				return err
			}
			if r.Member = &member; days != 0 {
				r.Days = &days
			}
			for _, s := range scopes {
				r.Scopes = append(r.Scopes, api.KeyScope(s))
			}
			var made api.MadeKey
			if err := d.post(c.Context(), "/api/v1/account/keys", r, &made); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), made.Key)
			return err
		},
	}
	at.flags(c)
	c.Flags().StringVar(&member, "member", "", "for whom the program acts")
	c.Flags().StringVar(&r.Name, "name", "", "what the key is for")
	c.Flags().StringSliceVar(&scopes, "scope", nil, "read, trade or limits, or several with commas")
	c.Flags().IntVar(&days, "days", 0, "for how many days it is good (default: a year)")
	require(c, "scope")
	return c
}
