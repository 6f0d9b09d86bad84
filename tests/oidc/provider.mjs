// A certified OpenID provider on 127.0.0.1 for the tests of signing in: whoever types an e-mail is that person.
//   node provider.mjs PORT REDIRECT_URI        GROUPS='{"ann@example.com": ["crm-sales"]}'   ISSUE_TO=other: tokens are made out to another client
import { Provider } from 'oidc-provider';

const [port, redirect] = process.argv.slice(2);
const groups = JSON.parse(process.env.GROUPS ?? '{}');
const issueTo = process.env.ISSUE_TO;
const secret = 'only-for-tests';
const client = (id) => ({ client_id: id, client_secret: secret, redirect_uris: [redirect], post_logout_redirect_uris: [redirect] });

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client('rapport'), client('other')],
  conformIdTokenClaims: false,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], groups: ['groups'] },
  scopes: ['openid', 'email', 'groups'],
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: id, email_verified: !id.startsWith('unconfirmed'), groups: groups[id] ?? [] }),
  }),
  cookies: { keys: ['only-for-tests'] },
});

if (issueTo) {
  provider.use((ctx, next) => {
    ctx.url = ctx.url.replace('client_id=rapport', `client_id=${issueTo}`);
    if (ctx.path === '/token') ctx.req.headers.authorization = 'Basic ' + Buffer.from(`${issueTo}:${secret}`).toString('base64');
    return next();
  });
}
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
