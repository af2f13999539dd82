package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/commonwatt/commonwatt/config"
	"github.com/commonwatt/commonwatt/hub"
	"github.com/commonwatt/commonwatt/usage"
	"github.com/commonwatt/commonwatt/web/api"
)

func accountCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "account",
		Short: "See who may sign in, invite, and let somebody in again",
		Long: `See who may sign in to a running community, invite somebody, and let somebody in again.

  commonwatt account first                          the link by which the operator's account is made
  commonwatt account invite homeowner --member ann  a link by which somebody gets an account
  commonwatt account link ann@elm.example           a link by which somebody chooses a new password
  commonwatt account unlock                         who has guessed too often may try again
  commonwatt account keys                           the keys of programs, with their ends
  commonwatt account key --member ann --name display --scope read   a key for a program, good for a year

Links are good once. docs/access.md says more.`,
		Args: cobra.NoArgs,
	}
	c.AddCommand(accountFirstCommand(), accountListCommand(), accountInviteCommand(), accountLinkCommand(), accountUnlockCommand(), accountKeysCommand(), accountKeyCommand())
	return c
}

func accountFirstCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use:   "first",
		Short: "Print the link by which the operator of a new community gets an account",
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := operator{data: data}.dial()
			if err != nil {
				return err
			}
			var info api.SessionInfo
			if err := d.get(c.Context(), "/api/v1/session", &info); err != nil {
				return err
			}
			secret, err := os.ReadFile(filepath.Join(data, hub.FirstLinkFile)) //nolint:gosec // in the data directory
			if !info.FirstStart || errors.Is(err, os.ErrNotExist) {
				return usage.Errorf("no first link waits: the operator has an account (commonwatt account list), or it is a demonstration, where nobody needs one")
			}
			if err == nil {
				_, err = fmt.Fprintln(c.OutOrStdout(), d.base+hub.FirstPage(strings.TrimSpace(string(secret))))
			}
			return err
		},
	}
	c.Flags().StringVar(&data, "data", config.Defaults().Data, "data directory of the community that runs on this machine")
	return c
}

func accountListCommand() *cobra.Command {
	var at operator
	c := &cobra.Command{
		Use:   "list",
		Short: "List who may sign in, and who is invited",
		RunE: func(c *cobra.Command, _ []string) error {
			_, all, err := accountsAt(c, at)
			if err != nil {
				return err
			}
			out := c.OutOrStdout()
			for _, a := range all.Accounts {
				fmt.Fprintf(out, "%-11s %-16s %-32s %s\n", a.Role, said(a.Member), a.Email, a.Name)
			}
			for _, i := range all.Invitations {
				fmt.Fprintf(out, "%-11s %-16s %-32s invited until %s\n", i.Role, said(i.Member), said(i.Email), i.Expires.Format(time.DateOnly))
			}
			return nil
		},
	}
	at.flags(c)
	return c
}

// accountsAt returns a community and its accounts.
func accountsAt(c *cobra.Command, at operator) (d *desk, all api.Accounts, err error) {
	if d, err = at.dial(); err != nil {
		return nil, all, err
	}
	return d, all, d.get(c.Context(), "/api/v1/accounts", &all)
}

// said is a text that may be absent; "" where it is.
func said(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

func accountInviteCommand() *cobra.Command {
	var at operator
	var r api.InviteRequest
	var member, email, name string
	c := &cobra.Command{
		Use:   "invite ROLE",
		Short: "Print a link by which somebody gets an account",
		Long:  "Print a link by which somebody gets an account. ROLE is homeowner, installer, utility, researcher or operator.",
		RunE: func(c *cobra.Command, args []string) error {
			d, err := at.dial()
			if err != nil {
				return err
			}
			r.Role = api.Role(args[0])
			for _, f := range []struct {
				text string
				into **string
			}{{member, &r.Member}, {email, &r.Email}, {name, &r.Name}} {
				if f.text != "" {
					*f.into = &f.text
				}
			}
			var made api.Invited
			if err := d.post(c.Context(), "/api/v1/accounts", r, &made); err != nil {
				return err
			}
			fmt.Fprintln(c.OutOrStdout(), leads(made, d.base))
			return nil
		},
	}
	at.flags(c)
	c.Flags().StringVar(&member, "member", "", "whose home it is, of a homeowner")
	c.Flags().StringVar(&email, "email", "", "to whom the link is sent as well, where a mail server is set up")
	c.Flags().StringVar(&name, "name", "", "of the person")
	return c
}

// leads is the whole link of an invitation: where people reach the pages, or else where the
// community listens.
func leads(made api.Invited, base string) string {
	if made.Url != nil {
		return *made.Url
	}
	return base + made.Link
}

func accountLinkCommand() *cobra.Command {
	var at operator
	c := &cobra.Command{
		Use:   "link EMAIL",
		Short: "Print a link by which somebody chooses a new password",
		RunE: func(c *cobra.Command, args []string) error {
			d, all, err := accountsAt(c, at)
			if err != nil {
				return err
			}
			for _, a := range all.Accounts {
				if !strings.EqualFold(a.Email, args[0]) {
					continue
				}
				var made api.Invited
				if err := d.post(c.Context(), "/api/v1/accounts/"+url.PathEscape(a.Id)+"/link", nil, &made); err != nil {
					return err
				}
				fmt.Fprintln(c.OutOrStdout(), leads(made, d.base))
				return nil
			}
			return usage.Errorf("EMAIL: nobody signs in with %s: commonwatt account list shows who does", args[0])
		},
	}
	at.flags(c)
	return c
}

func accountUnlockCommand() *cobra.Command {
	var at operator
	c := &cobra.Command{
		Use:   "unlock",
		Short: "Forget who has tried to sign in too often",
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := at.dial()
			if err != nil {
				return err
			}
			return d.ask(c.Context(), http.MethodDelete, "/api/v1/tries", "", nil, nil)
		},
	}
	at.flags(c)
	return c
}
