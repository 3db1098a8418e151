// Accounts, as the server lists them.

type Role = 'admin' | 'developer' | 'viewer';

interface Me {
  scopes: string[];
  /** Whether one sees the entries of everybody. */
  everything: boolean;
  /** None, for the administrator that the server starts with. */
  has_account: boolean;
  has_password: boolean;
}

interface Session {
  id: string;
  person: string;
  began: string;
  used: string;
  from: string;
  agent: string;
  current: boolean;
}

interface Token {
  id: string;
  owner: string;
  scopes: string[];
  label: string;
  created: string;
  /** Missing if it never was. */
  last_used?: string;
}

interface Grant {
  instance: string;
  control: boolean;
}

interface Person {
  name: string;
  role: Role;
  disabled: boolean;
  has_password: boolean;
  grants: Grant[];
}
