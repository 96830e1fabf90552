package main

import (
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"vigie/internal/app"
)

func follows() *cobra.Command {
	var opt app.TailOptions
	var to, tokenFile, tokenEnv, level string
	cmd := &cobra.Command{
		Use:   "tail FILE… --to URL --source ID --token-file FILE",
		Short: "Follow log files, over rotations and restarts, and send their lines to a Vigie",
		Long: `Follows files as nginx, Varnish and Apache write them, and sends whole lines, packed, to the collectors of a
Vigie elsewhere. Rotation by rename or by copytruncate, files that appear later (quote a pattern: it is watched), a
restart and a kill -9 lose no line and count none twice. While the collectors are away it waits, and goes on where it was.

It needs no configuration file: run it beside the server that writes the logs.

  vigie tail /var/log/nginx/access.log --to https://vigie.example.com:8081 --source edge1 --token-file /etc/vigie/edge1.token
  vigie tail '/var/log/nginx/*.log' --from-start …`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := url.Parse(to)
			if err != nil {
				return fmt.Errorf("--to: %w", err)
			}
			switch {
			case tokenFile != "":
				text, err := os.ReadFile(tokenFile)
				if err != nil {
					return fmt.Errorf("--token-file: %w", err)
				}
				opt.Token = strings.TrimSpace(string(text))
			case tokenEnv != "":
				opt.Token = os.Getenv(tokenEnv)
			}
			if opt.Token == "" {
				return fmt.Errorf("the token is missing: give --token-file or --token-env")
			}
			opt.To, opt.Files, opt.Log = address, args, logger(app.LogConfig{Level: level})
			return app.Tail(cmd.Context(), opt)
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "base URL of the collectors, as https://vigie.example.com:8081")
	f.StringVarP(&opt.Source, "source", "s", "", "id of the source there")
	f.StringVar(&opt.User, "user", "", "name for HTTP basic authentication; the token alone is sent as bearer")
	f.StringVar(&tokenFile, "token-file", "", "file that holds the source's token")
	f.StringVar(&tokenEnv, "token-env", "", "or environment variable that does")
	f.StringVar(&opt.State, "state", "./vigie-tail", "folder that remembers how far each file was sent; keep it over restarts")
	f.BoolVar(&opt.FromStart, "from-start", false, "also send what files hold already at the first start")
	f.DurationVar(&opt.MaxWait, "wait", time.Second, "longest that a line waits for company")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	cmd.MarkFlagRequired("to")
	cmd.MarkFlagRequired("source")
	return cmd
}
