"""Stand-ins for outside services that the lab cannot have: Slack, GitHub, and a team's own gate service.

Each is a real HTTP server in a process of its own that refuses a wrong call as the real service would, so that what
works here works there. They are not mocks: nothing in them knows how sluice is built.
"""
