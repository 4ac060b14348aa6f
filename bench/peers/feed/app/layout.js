// Next.js wants one, though only the route handler is asked.
export default function Layout({ children }) {
  return children
}
