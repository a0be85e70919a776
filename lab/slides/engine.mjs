import { readFileSync } from 'node:fs'

// Marp, with two things more.
export default ({ marp }) => marp.use(titlesOfCode).use(picturesAsElements)

// The title of a block of code (```console title="Terminal 2") stands where the theme finds it.
const titlesOfCode = (markdown) => {
  markdown.core.ruler.push('code_title', ({ tokens }) => {
    for (const token of tokens.filter(({ type }) => type === 'fence')) {
      const title = /\stitle="([^"]*)"/.exec(token.info)
      if (title) token.attrSet('data-title', title[1])
    }
  })
}

// An SVG picture becomes a part of the page: as a file of its own it could not use the page's typefaces. Its styles hold
// for itself only. Paths are those from the folder that Marp runs in.
const picturesAsElements = (markdown) => {
  const image = markdown.renderer.rules.image
  let count = 0
  markdown.renderer.rules.image = (tokens, index, ...more) => {
    const source = tokens[index].attrGet('src')
    if (!source.endsWith('.svg')) return image(tokens, index, ...more)
    const id = `picture-${++count}`
    return readFileSync(source, 'utf-8')
      .replace('<svg ', `<svg id="${id}" `)
      .replace(/<style>(.*?)<\/style>/s, `<style>#${id} {$1}</style>`)
  }
}
