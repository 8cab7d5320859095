"""What people read in chats, without any chat's own markup."""
